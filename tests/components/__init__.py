"""Who is called by what components say: one act, one push and one opening of pages for each interactive prop."""
