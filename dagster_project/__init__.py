"""When, in which order and with which checks; what leaves the warehouse; the command line."""
