"""Traffic to a teacher: who goes next, when, and to which replica, as permitted, stated in headers, or learned from 429s."""
