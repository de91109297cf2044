"""What an invoice says: who sells what to whom, under which tax, in which forms."""
