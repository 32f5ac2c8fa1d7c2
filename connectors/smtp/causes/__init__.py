"""Why servers refuse, told apart by what they say."""
