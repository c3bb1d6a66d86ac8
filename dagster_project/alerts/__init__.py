"""Send alerts about incidents, budgets and runs, each once per channel.

    fct_anomalies, rpt_budgets, the night ─► alerts ─► decide ─► waiting/  ─► daily digest ─┐
                                               ▲          └─────► outbox/ ◄──────────────────┘
              known.json, sent/, waiting/ ─────┘                    │ send
                                                                    ▼
                                                     mail, chat, webhook; then sent/

Call `delivery.send_alerts`. `alert.py` defines an alert, `routes.py` and `channels.py` who receives it, `deciding.py`
what is new, `outbox.py` the files, `rendering.py` the text. Detectors do not belong here: they are dbt models.

Rulings: docs/decisions/alerts.md.
"""
