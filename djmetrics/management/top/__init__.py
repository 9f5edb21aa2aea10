"""What ``djmetrics_top`` is made of, from the wire to the screen.

``page`` fetches a metrics page and takes from it the numbers of interest, ``history`` compares pages,
``figures`` does the arithmetic, and ``table`` draws. Only ``table`` and ``screen`` need rich.
"""
