"""OAuth2 access tokens: kept, renewed before they expire, fetched over HTTPS."""
