"""List prices: genai-prices' bundled catalogue as dated rows, and which catalogue model each logged model is.

Three outputs: `raw/prices/catalogue=<version>/prices.parquet`, `raw/price_models/models.parquet`, and
`raw/price_formulas/formulas.parquet` for gateways that price by a formula. Discounts, overrides and the
arithmetic are SQL in dbt/.
"""

from ingestion.prices.catalogue import CatalogueResult, write_catalogue
from ingestion.prices.formula_table import FormulasResult, write_formulas
from ingestion.prices.resolve import ModelsResult, resolve_models

__all__ = [
    "CatalogueResult",
    "FormulasResult",
    "ModelsResult",
    "resolve_models",
    "write_catalogue",
    "write_formulas",
]
