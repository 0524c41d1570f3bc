"""The message gateway: takes messages, keeps them, and sends each by e-mail, Telegram or VK until it has arrived."""
