// SPDX-License-Identifier: GPL-2.0
// Threads, a null pointer (which the virtual machine catches as SIGSEGV), files,
// garbage, a deep recursion (which it catches at the guard page), a timer.
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Hello {
	static int depth(int n) {
		return depth(n + 1) + 1;
	}

	public static void main(String[] args) throws Exception {
		System.out.println("hello world from Java");

		ExecutorService pool = Executors.newFixedThreadPool(4);
		List<Future<Integer>> parts = new ArrayList<>();
		for (int i = 0; i < 8; i++) {
			int n = i;
			parts.add(pool.submit(() -> IntStream.range(0, 1000).map(x -> x * n % 7).sum()));
		}
		int sum = 0;
		for (Future<Integer> part : parts)
			sum += part.get();
		pool.shutdown();
		System.out.println("threads " + sum);

		try {
			Object nothing = args.length > 100 ? args : null;
			System.out.println(nothing.hashCode());
		} catch (NullPointerException e) {
			System.out.println("null pointer caught");
		}
		try {
			System.out.println(depth(0));
		} catch (StackOverflowError e) {
			System.out.println("stack overflow caught");
		}

		Path file = Files.createTempFile("hello", ".txt");
		Files.writeString(file, "written");
		System.out.println("file " + Files.readString(file));

		long length = 0;
		for (int i = 0; i < 2000; i++)
			length += new byte[512 * 1024].length;
		System.out.println("garbage " + length);

		long start = System.nanoTime();
		Thread.sleep(50);
		System.out.println("timer " + (System.nanoTime() - start >= 49_000_000));
	}
}
