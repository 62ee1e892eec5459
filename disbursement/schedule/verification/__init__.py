"""Other people's expected schedules, judged by the strength each one claims.

Rules that only a case needs (another engine's way of rounding, of lowering instalments after a
prepayment, of handling month ends) live in this package and nowhere else: they are put together
from the pieces the product uses, and no option of a product exists for them.
"""
