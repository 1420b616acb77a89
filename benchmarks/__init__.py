"""Speed, accuracy and faults, measured beside what people would pick instead."""
