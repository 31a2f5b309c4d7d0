// SPDX-License-Identifier: GPL-2.0
/*
 * What a C++ program needs of its start and end, and of the linker: constructors
 * and destructors in order, exceptions, streams, variables of threads. The last
 * destructor has the last test, and ends the program.
 */
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

char order[64];
int number, failures;

void note(const char *what)
{
	std::snprintf(order + std::char_traits<char>::length(order), 32, "%s ", what);
}

void result(bool good, const char *name)
{
	failures += !good;
	std::cout << (good ? "ok " : "not ok ") << ++number << " " << name << std::endl;
}

/* Constructed before all others, and so the last one to go */
struct Early {
	Early()
	{
		note("early");
	}
	~Early()
	{
		bool good = std::string(order) == "early global exit ~global ";

		std::printf("%s %d constructors and destructors run in order (%s)\n",
			    good ? "ok" : "not ok", number + 1, order);
		std::fflush(stdout);
		_exit(failures || !good);
	}
};

struct Named {
	std::string name;

	explicit Named(const char *n) : name(n)
	{
		if (name == "global")
			note("global");
	}
	~Named()
	{
		if (name == "global")
			note("~global");
	}
};

__attribute__((init_priority(200))) Early before_others;
Named global("global");
thread_local Named of_thread("of thread");

int checked(int i)
{
	Named local("local");

	if (i > 2)
		throw std::runtime_error("too big");
	return i;
}

}

int main()
{
	std::vector<int> v;
	std::ostringstream text;
	std::string caught, name;

	std::atexit([] { note("exit"); });
	std::cout << "TAP version 13\n1..5\n";
	try {
		v.push_back(checked(1));
		v.push_back(checked(3));
	} catch (const std::exception &e) {
		caught = e.what();
	}
	result(caught == "too big" && v.size() == 1, "an exception is caught");
	caught = "";
	try {
		v.at(v.size())++;
	} catch (const std::out_of_range &) {
		caught = "out of range";
	}
	result(caught == "out of range", "an exception of the library is caught");
	std::thread([&name] { name = of_thread.name; }).join();
	result(name == "of thread", "a thread has its variables");
	text << v.size() << " " << std::hex << 255 << " " << 1.5;
	result(text.str() == "1 ff 1.5", "streams format");
	return 0;
}
