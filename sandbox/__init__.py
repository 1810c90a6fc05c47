"""Pretend providers for trying out, tests and benchmarks. They keep their own data and refuse to run without SANDBOX=1.

Nothing in the product imports this package; it imports nothing of the product and no Django.
"""
