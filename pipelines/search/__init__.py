"""The search of parameters: many trainings of one run's rows, recorded in one study, and what they say."""
