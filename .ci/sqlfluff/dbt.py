"""The cross-database macros of dbt that the models call, as sqlfluff may imagine them: enough to parse."""


def dateadd(datepart: str, interval: object, from_date: str) -> str:
    """Stand in for dbt.dateadd."""
    return f"date_add({from_date}, interval ({interval}) {datepart})"


def datediff(first_date: str, second_date: str, datepart: str) -> str:
    """Stand in for dbt.datediff."""
    return f"date_diff('{datepart}', {first_date}, {second_date})"
