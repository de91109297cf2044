"""How an invoice looks: its style, its typefaces, its drawing."""
