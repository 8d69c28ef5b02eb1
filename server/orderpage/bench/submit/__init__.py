"""``bench submit``: what an order costs against the same rows written raw."""
