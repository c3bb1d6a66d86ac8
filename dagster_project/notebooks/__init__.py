"""The notebooks' server, and what the notebooks in `notebooks/` share.

    published marts ─► Marts.ask(SQL) ─► Answer ─► table, chart, figures, the SQL itself
    the page's address ◄─► filters ─► conditions of the SQL

What a question is, and its SQL, is in the notebook. Nothing here reads anything but published marts.
"""
