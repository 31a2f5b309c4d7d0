<?php
// SPDX-License-Identifier: GPL-2.0
// What a page does: parameters, a form, files, expressions, a child process.
header('Content-Type: text/plain');
$name = $_POST['name'] ?? $_GET['name'] ?? 'world';
echo "hello $name\n";
$file = tempnam('/tmp', 'page');
file_put_contents($file, str_repeat('line', 10000));
echo strlen(file_get_contents($file)), "\n";
unlink($file);
echo preg_replace('/(\w+), (\w+)/', '$2 $1', 'first, second'), "\n";
echo json_encode(['sum' => array_sum(range(1, 100)), 'list' => [1, 'two', null]]), "\n";
usleep(1000);
echo trim(shell_exec(PHP_BINARY . ' -r ' . escapeshellarg('echo 6 * 7;')) ?? 'no child'), "\n";
