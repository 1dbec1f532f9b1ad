package main

import "syscall"

// dying are the attributes of a child that ends when this process does, even if that is killed.
func dying() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
