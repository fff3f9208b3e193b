"""A chat: rooms and messages in the database, and the stock `phoenix` client in the page."""
