// Package bench measures what github.com/go-gloebit/gloebit costs, side by side
// with what people would write or use without it. See its README for the method
// and for how to run it.
//
// [Comparisons] are pairs of sides that do the same work: [Comparison.Measure]
// runs them in turn, in one process, and takes the median of the ratios.
package bench
