"""Assets of what prices a request: a person's settings, the catalogue, and what each model is in it."""

import dagster as dg

from dagster_project.defs.raw import GROUP, OWNERS, raw_key
from dagster_project.defs.resources import HomeResource
from dagster_project.locks import writing
from ingestion.home import Home
from ingestion.sources import load_sources

CONFIG = dg.AssetKey(["raw", "config"])
PRICES = dg.AssetKey(["raw", "prices"])
PRICE_MODELS = dg.AssetKey(["raw", "price_models"])
PRICE_FORMULAS = dg.AssetKey(["raw", "price_formulas"])


@dg.definitions
def price_assets() -> dg.Definitions:
    """Settings, catalogue, model names and formulas; the last two come from every stream that has landed."""
    streams = [raw_key(source, stream) for source in load_sources(Home.locate()) for stream in source.streams]
    return dg.Definitions(assets=[config, prices, price_models(streams), price_formulas(streams)])


@dg.asset(
    key=CONFIG,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"csv", "parquet"},
    description="Overrides, discount rules, aliases and thresholds: the home's config/*.csv where there is "
    "one, else what ships in dbt/seeds; validated line by line.",
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


def price_models(streams: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Make the asset that resolves the names `streams` have seen."""

    @dg.asset(
        key=PRICE_MODELS,
        deps=[CONFIG, PRICES, *streams],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"python", "parquet"},
        description="Every (provider, model) pair that landed, with the catalogue model it is, or why none.",
    )
    def resolve(tollbook: HomeResource) -> dg.MaterializeResult:
        from ingestion.prices import resolve_models

        with writing(tollbook.home):
            result = resolve_models(tollbook.home)
        return dg.MaterializeResult(
            metadata={"dagster/row_count": result.models, "unmatched": result.unmatched}
        )

    return resolve


def price_formulas(streams: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Make the asset that reads the price formulas on the rows of `streams`."""

    @dg.asset(
        key=PRICE_FORMULAS,
        deps=streams,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"python", "parquet"},
        description="Every price formula that rows carry, as plain unit prices and where each holds.",
    )
    def read(tollbook: HomeResource) -> dg.MaterializeResult:
        from ingestion.prices import write_formulas

        with writing(tollbook.home):
            result = write_formulas(tollbook.home)
        return dg.MaterializeResult(
            metadata={"dagster/row_count": result.formulas, "refused": result.refused}
        )

    return read
