"""Assets for pricing: configuration, the catalogue, and each model's name in it."""

import dagster as dg

from dagster_project.books.locks import writing
from dagster_project.defs.raw import GROUP, OWNERS
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.names import LOAD_RECORDS

CONFIG = dg.AssetKey(["raw", "config"])
PRICES = dg.AssetKey(["raw", "prices"])
PRICE_MODELS = dg.AssetKey(["raw", "price_models"])
PRICE_FORMULAS = dg.AssetKey(["raw", "price_formulas"])


@dg.definitions
def price_assets() -> dg.Definitions:
    """Settings, catalogue, model names and formulas; the last two use all accepted load records."""
    return dg.Definitions(assets=[config, prices, price_models, price_formulas])


@dg.asset(
    key=CONFIG,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"csv", "parquet"},
    description="Overrides, discount rules, aliases and thresholds: the home's config/*.csv where there is "
    "one, else what ships in ingestion/config/shipped; validated line by line.",
)
def config(tollbook: HomeResource) -> dg.MaterializeResult:
    """Write the configuration tables."""
    from ingestion.config import write_config

    with writing(tollbook.home):
        write_config(tollbook.home)
    return dg.MaterializeResult()


@dg.asset(
    key=PRICES,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    description="The bundled price catalogue as dated, tiered unit prices; one folder per catalogue version.",
)
def prices(tollbook: HomeResource) -> dg.MaterializeResult:
    """Flatten the catalogue of this release, once."""
    from ingestion.prices import write_catalogue

    with writing(tollbook.home):
        result = write_catalogue(tollbook.home)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result.rows,
            "catalogue": result.version,
            "written": result.written,
        }
    )


@dg.asset(
    key=PRICE_MODELS,
    deps=[CONFIG, PRICES, LOAD_RECORDS],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    description="Every accepted (provider, model) pair, with its catalogue model, or why there is none.",
)
def price_models(tollbook: HomeResource) -> dg.MaterializeResult:
    """Resolve the names in the accepted load records."""
    from ingestion.prices import resolve_models

    with writing(tollbook.home):
        result = resolve_models(tollbook.home)
    return dg.MaterializeResult(metadata={"dagster/row_count": result.models, "unmatched": result.unmatched})


@dg.asset(
    key=PRICE_FORMULAS,
    deps=[LOAD_RECORDS],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    description="Every price formula on rows, as unit prices and their conditions.",
)
def price_formulas(tollbook: HomeResource) -> dg.MaterializeResult:
    """Read the price formulas in the accepted load records."""
    from ingestion.prices import write_formulas

    with writing(tollbook.home):
        result = write_formulas(tollbook.home)
    return dg.MaterializeResult(metadata={"dagster/row_count": result.formulas, "refused": result.refused})
