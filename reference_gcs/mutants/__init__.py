"""Broken variants of the reference GCS, one fault each: a suite that judges GCS must find every one of them."""
