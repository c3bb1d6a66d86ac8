"""List prices: genai-prices' bundled catalogue as dated rows, and which catalogue model each logged model is.

Two outputs: `raw/prices/catalogue=<version>/prices.parquet` and `raw/price_models/models.parquet`. Discounts,
overrides and the arithmetic itself are SQL and live in dbt/.
"""

from ingestion.prices.catalogue import CatalogueResult, write_catalogue
from ingestion.prices.resolve import ModelsResult, resolve_models

__all__ = ["CatalogueResult", "ModelsResult", "resolve_models", "write_catalogue"]
