// SPDX-License-Identifier: GPL-2.0

// Goroutines, a nil pointer (which the run time catches as SIGSEGV), timers, files.
package main

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

func nilPointer() (err interface{}) {
	defer func() { err = recover() }()
	var p *[4]int
	return p[len(os.Args)]
}

func main() {
	println("hello world from Go")

	var wg sync.WaitGroup
	var sum int64
	for i := 0; i < 1000; i++ {
		wg.Add(1)
		go func(n int64) {
			atomic.AddInt64(&sum, n)
			wg.Done()
		}(int64(i))
	}
	wg.Wait()
	println("goroutines", sum)

	if _, ok := nilPointer().(error); ok {
		println("nil pointer caught")
	}

	start := time.Now()
	<-time.After(50 * time.Millisecond)
	println("timer", time.Since(start) >= 50*time.Millisecond)

	if err := os.WriteFile("/tmp/file", []byte("written"), 0600); err == nil {
		text, _ := os.ReadFile("/tmp/file")
		println("file", string(text))
	}
}
