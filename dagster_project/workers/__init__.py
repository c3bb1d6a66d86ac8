"""Where the large parts of a night run: tasks on the processes of a pool, on Spark or on Ray, instead of here.

    TOLLBOOK_WORKERS ► Setting ► places/ ─┐
    task (plain data) ► send() ──────────►│ perform(task) in a worker: admission ► files or days ► result (plain data)
                                          └─► progress, results, refusals

A task writes below a name of its own and renames when it is complete, so it may be done twice. Nothing here knows dbt,
Dagster or build state: which days are missing, and what a day's statement is, comes from dbt_runner; which files are
pending, from steps. Where the variable is not set, nothing here is used.

Rulings: docs/decisions/workers.md
"""
