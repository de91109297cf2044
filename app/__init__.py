"""The service: settings, ErnieVLMService and its HTTP interface."""
