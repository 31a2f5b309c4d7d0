<?php
// SPDX-License-Identifier: GPL-2.0
define('DB_NAME', 'lupine');
define('DB_USER', 'lupine');
define('DB_PASSWORD', '');
define('DB_HOST', '127.0.0.1');
define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');
define('WP_HOME', 'http://' . ($_SERVER['HTTP_HOST'] ?? 'localhost'));
define('WP_SITEURL', WP_HOME);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
// A new guest, new keys: whoever was logged in has to do so again.
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {
	define($name . '_KEY', hash('sha256', $name . 'key' . @file_get_contents('/run/secret')));
	define($name . '_SALT', hash('sha256', $name . 'salt' . @file_get_contents('/run/secret')));
}
