"""``bench render``: what a page costs against a prebuilt answer, the in-place build and a hand-written page."""
