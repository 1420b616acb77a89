"""Takes the place of TensorFlow for a server whose model is no SavedModel: importing the real one takes seconds."""
