// Package bench measures the cost of github.com/go-gloebit/gloebit, side by
// side with the usual alternatives. See its README for the method and the
// commands.
//
// [Comparisons] are pairs of sides that do the same work. [Comparison.Measure]
// runs them alternately, in one process, and takes the median of the ratios.
package bench
