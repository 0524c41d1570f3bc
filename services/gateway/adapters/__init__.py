"""The use cases' ports: PostgreSQL, the broker, SMTP, Telegram's Bot API and VK's."""
