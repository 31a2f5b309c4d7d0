// SPDX-License-Identifier: GPL-2.0
/*
 * What a C++ program needs of its start and end, and of the linker: constructors
 * and destructors in order, exceptions, streams, variables of threads.
 */
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Announced {
	std::string name;

	explicit Announced(const char *n) : name(n)
	{
		std::printf("made %s\n", name.c_str());
	}
	~Announced()
	{
		std::printf("gone %s\n", name.c_str());
	}
};

Announced global("global");

__attribute__((init_priority(200))) Announced early("early");

thread_local Announced of_thread("of thread");

int checked(int i)
{
	Announced local("local");

	if (i > 2)
		throw std::runtime_error("too big");
	return i;
}

}

int main()
{
	std::vector<int> v;

	std::atexit([] { std::cout << "at exit\n"; });
	try {
		v.push_back(checked(1));
		v.push_back(checked(3));
	} catch (const std::exception &e) {
		std::cout << "caught " << e.what() << "\n";
	}
	try {
		std::cout << v.at(v.size()) << "\n";
	} catch (const std::out_of_range &) {
		std::cout << "caught out of range\n";
	}
	std::thread([] {
		const std::string &name = of_thread.name;

		std::cout << "in a thread, " << name << "\n";
	}).join();
	std::cout << v.size() << " " << std::hex << 255 << " " << 1.5 << std::endl;
	return 3;
}
