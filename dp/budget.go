package dp

// Epsilon counts privacy loss in nano-ε (10^-9). Costs are rounded up.
type Epsilon int64

// Delta counts failure probability in 10^-18. Costs are rounded up.
type Delta int64
