// SPDX-License-Identifier: GPL-2.0
// Each path makes Node.js do something else that it needs the kernel for.
'use strict';

const http = require('http');
const fs = require('fs');
const { execFile } = require('child_process');
const { Worker } = require('worker_threads');
const crypto = require('crypto');
const zlib = require('zlib');

const work = `const { parentPort, workerData } = require('worker_threads');
let n = 0;
for (let i = 1; i <= workerData; i++)
	n = (n + i * i) % 1000003;
parentPort.postMessage(n);`;

const paths = {
	'/hello': (done) => done(`Hello from Node.js ${process.versions.node}`),
	'/timer': (done) => {
		const start = Date.now();
		setTimeout(() => done(Date.now() - start >= 99 ? 'in time' : 'too early'), 100);
	},
	'/file': (done) => fs.writeFile('/tmp/file', 'written', () =>
		fs.readFile('/tmp/file', 'utf8', (err, text) => done(err ? err.message : text))),
	'/child': (done) => execFile(process.execPath, ['-p', '6 * 7'],
		(err, out) => done(err ? err.message : out.trim())),
	'/workers': (done) => Promise.all([10000, 20000, 30000].map((n) => new Promise((ok, no) => {
		const w = new Worker(work, { eval: true, workerData: n });
		w.on('message', ok);
		w.on('error', no);
	}))).then((all) => done(all.join(' ')), (err) => done(err.message)),
	'/hash': (done) => crypto.pbkdf2('lupine', 'salt', 1000, 16, 'sha256',
		(err, key) => done(err ? err.message : key.toString('hex'))),
	'/zip': (done) => zlib.gzip('x'.repeat(100000), (err, small) => err ? done(err.message) :
		zlib.gunzip(small, (err2, text) => done(err2 ? err2.message : `${text.length}`))),
};

const server = http.createServer((request, response) => {
	const path = paths[request.url];
	if (!path) {
		response.writeHead(404);
		response.end('nothing here\n');
		return;
	}
	path((text) => response.end(`${text}\n`));
});

server.listen(80, () => console.log('listening'));
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, () => process.exit(0));
