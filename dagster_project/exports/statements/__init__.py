"""Monthly statements: what one workspace used, saved, was invoiced and has paid in a month.

marts ─► content.py: numbers ─► document.py: facts and tables as text ─► page.py: HTML, pdf.py: PDF
"""
