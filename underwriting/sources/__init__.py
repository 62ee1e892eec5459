"""The sources about a debtor: credit bureau, income proof and watchlists, asked over HTTP."""
