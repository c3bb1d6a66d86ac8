"""Configuration tables: shipped defaults, a home's own copies, and mistakes reported by file, line and column."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ingestion.config import TABLES, ConfigError, write_config

PRICES = "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason\n"
RULES = "rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason\n"
VOLUME = "rule_id,model,kind,factor,min_month_list_usd,stacks,valid_from,reason\n"
PACKS = "source,pack,credits,price,currency,kind,priority,expires_after_days,valid_from,valid_to,reason\n"
GRANTS = "grant_id,source,workspace_id,granted_on,credits,kind,expires_on,reason\n"
SETTINGS = "source,value_policy,usd_per_credit,burn_order\n"
BUDGETS = "budget_id,source,scope,subject,month_usd,valid_from\n"


def own(home, name, text):
    home.config.mkdir(exist_ok=True)
    (home.config / f"{name}.csv").write_text(text, encoding="utf-8")


def table(home, name):
    return pl.read_parquet(home.raw / f"config_{name}" / "config.parquet").rows(named=True)


def test_the_shipped_tables_are_nobodys_contract(home):
    write_config(home)
    for name in TABLES.keys() - {"provider_aliases", "currencies", "anomaly_settings"}:
        assert table(home, name) == []
    aliases = {row["prefix"]: row["catalogue_provider"] for row in table(home, "provider_aliases")}
    assert (aliases["google-ai-studio"], aliases["bedrock"], aliases["vertex_ai"]) == (
        "google",
        "aws",
        "google",
    )
    exponents = {row["currency"]: row["exponent"] for row in table(home, "currencies")}
    assert (exponents["jpy"], exponents["kwd"], exponents["isk"]) == (0, 3, 2)
    assert table(home, "currencies")[0]["config_file"] == "shipped/currencies.csv"


def test_shipped_aliases_lead_to_providers_of_the_catalogue(home):
    from genai_prices.data_snapshot import get_snapshot

    write_config(home)
    known = {provider.id for provider in get_snapshot().providers}
    assert {row["catalogue_provider"] for row in table(home, "provider_aliases")} <= known


def test_a_homes_own_copy_wins_whole_and_keeps_line_numbers(home):
    rows = (
        "\nopenai,gpt-4o,input,2.125,,,2026-11-01,,contract 7\n"
        ",gpt-4o,output,0.000000000000000001,200000,flex,2026-01-01,2026-02-01,x\n"
    )
    own(home, "price_overrides", PRICES + rows)
    write_config(home)
    first, second = table(home, "price_overrides")
    assert first == {
        "provider": "openai",
        "model": "gpt-4o",
        "token_class": "input",
        "usd_per_mtok": Decimal("2.125"),
        "min_input_tokens": 0,
        "variant": "standard",
        "valid_from": date(2026, 11, 1),
        "valid_to": None,
        "reason": "contract 7",
        "config_file": "config/price_overrides.csv",
        "config_line": 3,
    }
    assert (second["provider"], second["usd_per_mtok"], second["min_input_tokens"]) == (
        "",
        Decimal("1e-18"),
        200_000,
    )


def test_an_empty_scope_means_any(home):
    own(home, "discount_rules", "\ufeff" + RULES + "r1,,,promo,0.9,2026-11-01,,launch\n")
    write_config(home)
    (rule,) = table(home, "discount_rules")
    assert (rule["workspace_id"], rule["group_name"], rule["factor"]) == (None, None, Decimal("0.9"))


def test_a_rule_file_without_the_columns_added_later_still_holds(home):
    own(home, "discount_rules", RULES + "r1,ws_1,,promo,0.9,2026-11-01,,launch\n")
    write_config(home)
    (rule,) = table(home, "discount_rules")
    assert list(rule) == [*TABLES["discount_rules"].columns, "config_file", "config_line"]
    assert {name: rule[name] for name in ("api_key_id", "min_month_list_usd", "precedence", "stacks")} == {
        "api_key_id": None,
        "min_month_list_usd": None,
        "precedence": 0,
        "stacks": False,
    }


def test_the_thresholds_of_one_volume_rule_are_rows_of_one_name(home):
    rows = "v,gpt-4o*,volume,0.95,1000,no,2026-11-01,x\nv,gpt-4o*,volume,0.9,5000.000000000001,yes,2026-11-01,x\n"
    own(home, "discount_rules", VOLUME + rows)
    write_config(home)
    assert [
        (rule["model"], rule["min_month_list_usd"], rule["stacks"]) for rule in table(home, "discount_rules")
    ] == [("gpt-4o*", Decimal("1000"), False), ("gpt-4o*", Decimal("5000.000000000001"), True)]


def test_packs_grants_settings_and_budgets_take_their_defaults(home):
    own(home, "credit_packs", PACKS + "infery,starter,10000,9.90,gbp,pack,,,2026-01-01,,\n")
    own(home, "credit_grants", GRANTS + "g1,infery,ws_1,2026-11-01,-12.5,adjustment,,ticket 7\n")
    own(home, "credit_settings", SETTINGS + 'infery,fifo,,"expiry, priority"\naisa,fixed,0.001,\n')
    own(home, "budgets", BUDGETS + "b1,,all,,5000,2026-11-01\nb2,infery,api_key,key_1,100.5,2026-11-01\n")
    write_config(home)
    (pack,) = table(home, "credit_packs")
    assert (pack["credits"], pack["price"], pack["priority"], pack["expires_after_days"]) == (
        Decimal("10000"),
        Decimal("9.9"),
        0,
        None,
    )
    (grant,) = table(home, "credit_grants")
    assert (grant["credits"], grant["expires_on"]) == (Decimal("-12.5"), None)
    fifo, fixed = table(home, "credit_settings")
    assert (fifo["burn_order"], fixed["burn_order"]) == ("expiry,priority", "priority,expiry,granted")
    assert [(budget["scope"], budget["subject"]) for budget in table(home, "budgets")] == [
        ("all", None),
        ("api_key", "key_1"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "price_overrides",
            PRICES + "openai,gpt-4o,input,-1,,,2026-11-01,,x",
            "config/price_overrides.csv:2: usd_per_mtok: '-1' is wrong; write: ",
        ),
        (
            "price_overrides",
            PRICES + "openai,gpt-4o,input,,,,2026-11-01,,x",
            "config/price_overrides.csv:2: usd_per_mtok: ",
        ),
        (
            "price_overrides",
            PRICES + "openai,,input,1,,,2026-11-01,,x",
            "config/price_overrides.csv:2: model: is empty; write a value",
        ),
        (
            "price_overrides",
            PRICES + "openai,m,input,1,,,01.11.2026,,x",
            "config/price_overrides.csv:2: valid_from: '01.11.2026' is not a day; write YYYY-MM-DD",
        ),
        (
            "price_overrides",
            PRICES + "openai,m,input,NaN,,,2026-11-01,,x",
            "config/price_overrides.csv:2: usd_per_mtok: 'NaN' is wrong; write: ",
        ),
        (
            "price_overrides",
            PRICES + "openai,m,input,1,,,2026-11-01",
            "config/price_overrides.csv:2: has 7 cells where the header has 9; write ",
        ),
        (
            "price_overrides",
            "provider,model,price\n",
            "config/price_overrides.csv:1: the header is not right; write provider,model,",
        ),
        (
            "price_overrides",
            PRICES + "a,m,input,1,,,2026-01-01,2026-06-01,x\na,m,input,2,,,2026-05-31,,x",
            "config/price_overrides.csv:3: valid_from: overlaps line 2; ",
        ),
        (
            "discount_rules",
            RULES + "r,,,promo,1.1,2026-11-01,,x",
            "config/discount_rules.csv:2: factor: '1.1' is wrong; write: less than or equal to 1",
        ),
        (
            "discount_rules",
            RULES + "r,,,gift,0.5,2026-11-01,,x",
            "config/discount_rules.csv:2: kind: 'gift' is wrong; write: 'membership'",
        ),
        (
            "discount_rules",
            RULES + "r,,,promo,0.5,2026-11-01,2026-11-01,x",
            "config/discount_rules.csv:2: valid_to: is not after valid_from; ",
        ),
        (
            "discount_rules",
            RULES + "a+b,,,promo,0.5,2026-11-01,,x",
            "config/discount_rules.csv:2: rule_id: 'a+b' has a plus sign; write a name without one",
        ),
        (
            "discount_rules",
            VOLUME + "v,gpt*4o,volume,0.5,10,no,2026-11-01,x",
            "config/discount_rules.csv:2: model: 'gpt*4o' is not a model; write its name, or ",
        ),
        (
            "discount_rules",
            VOLUME + "v,,promo,0.5,10,no,2026-11-01,x",
            "config/discount_rules.csv:2: min_month_list_usd: is for rules of kind volume; write volume as kind",
        ),
        (
            "discount_rules",
            VOLUME + "v,,volume,0.5,10,true,2026-11-01,x",
            "config/discount_rules.csv:2: stacks: 'true' is wrong; write yes or no",
        ),
        (
            "discount_rules",
            VOLUME + "v,,volume,0.5,10,no,2026-11-01,x\nv,,volume,0.4,10,no,2026-12-01,x",
            "config/discount_rules.csv:3: valid_from: overlaps line 2; write a valid_to there",
        ),
        (
            "credit_packs",
            PACKS + "infery,starter,0,9.90,gbp,pack,,,2026-01-01,,",
            "config/credit_packs.csv:2: credits: '0' is wrong; write: greater than 0",
        ),
        (
            "credit_packs",
            PACKS + "infery,starter,10,9.90,GBP,pack,,,2026-01-01,,",
            "config/credit_packs.csv:2: currency: 'GBP' is wrong; write: ",
        ),
        (
            "credit_grants",
            GRANTS + "g1,infery,ws_1,2026-11-01,-1,promotion,,x",
            "config/credit_grants.csv:2: credits: -1 cannot be granted; write a number above 0, or adjustment",
        ),
        (
            "credit_grants",
            GRANTS + "g1,infery,ws_1,2026-11-01,5,opening,2026-11-01,x",
            "config/credit_grants.csv:2: expires_on: is not after granted_on; write ",
        ),
        (
            "credit_settings",
            SETTINGS + "infery,fifo,,oldest",
            "config/credit_settings.csv:2: burn_order: 'oldest' is not a valid order; write priority,expiry,granted in",
        ),
        (
            "credit_settings",
            SETTINGS + "infery,fifo,,\ninfery,average,,",
            "config/credit_settings.csv:3: repeats line 2; keep one of them",
        ),
        (
            "budgets",
            BUDGETS + "b1,,member,,100,2026-11-01",
            "config/budgets.csv:2: subject: is empty; write the member the budget is for, or all as scope",
        ),
        (
            "budgets",
            BUDGETS + "b1,,all,ws_1,100,2026-11-01",
            "config/budgets.csv:2: subject: cannot be used with scope all; write ",
        ),
        (
            "currencies",
            "currency,exponent,tolerance_minor\njpy,0,0\njpy,0,1",
            "config/currencies.csv:3: repeats line 2; keep one of them",
        ),
        (
            "currencies",
            "currency,exponent,tolerance_minor\nJPY,0,0",
            "config/currencies.csv:2: currency: 'JPY' is wrong; write: ",
        ),
        (
            "anomaly_settings",
            "setting,value,reason\nsigma,1,x",
            "config/anomaly_settings.csv:2: setting: 'sigma' is wrong; write: ",
        ),
        (
            "anomaly_settings",
            "setting,value,reason\nstripe_livemode,2,x",
            "config/anomaly_settings.csv:2: stripe_livemode is a switch; write 0 or 1",
        ),
        (
            "anomaly_settings",
            "setting,value,reason\ninvoice_grace_days,2.5,x",
            "invoice_grace_days counts days; write a whole number",
        ),
        ("discounts", "a\n", "config/discounts.csv: no such table; write one of alert_suppressions, "),
        (
            "currencies",
            'currency,exponent,tolerance_minor\n"jpy,0,0',
            "config/currencies.csv: cannot be read as CSV",
        ),
    ],
)
def test_a_mistake_is_reported_with_file_line_and_column_and_nothing_is_written(home, name, text, message):
    own(home, name, text)
    with pytest.raises(ConfigError) as error:
        write_config(home)
    assert message in str(error.value)
    assert not home.raw.exists()


def test_all_mistakes_are_reported_at_once(home):
    own(home, "currencies", "currency,exponent,tolerance_minor\njp,0,0\nkwd,9,0\n")
    own(home, "discount_rules", RULES + "r,,,promo,0,2026-11-01,,x\n")
    with pytest.raises(ConfigError) as error:
        write_config(home)
    assert len(str(error.value).splitlines()) == 3


def test_rewriting_the_same_tables_touches_no_file(home):
    write_config(home)
    paths = [home.raw / f"config_{name}" / "config.parquet" for name in TABLES]
    before = [path.stat().st_mtime_ns for path in paths]
    write_config(home)
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_every_column_of_every_shipped_table_is_documented():
    import yaml

    from ingestion.config import SHIPPED

    documented = {
        seed["name"]: [c["name"] for c in seed["columns"]]
        for seed in yaml.safe_load((SHIPPED / "_tables.yml").read_text())["tables"]
    }
    assert documented == {name: list(table.columns) for name, table in TABLES.items()}
