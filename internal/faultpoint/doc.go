// Package faultpoint marks the moments at which a crash, a delay or an error would hurt most, so that a test can have one there. In the
// product it is nothing: Point is a constant that the compiler removes. Built with the tag chaos, the process takes orders on the unix
// socket FAULT_SOCK, one JSON object a line (see Order), and from FAULT_ARM at its start; its clock is wrong by CLOCK_OFFSET.
//
// Imports: fault.
package faultpoint
