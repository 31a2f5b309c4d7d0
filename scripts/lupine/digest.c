// SPDX-License-Identifier: GPL-2.0
/* SHA-256, as all digests of images are. */
#include <stdio.h>

#include "image.h"

EVP_MD_CTX *sha256_begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		die("libcrypto has no SHA-256");
	return ctx;
}

void sha256_end(EVP_MD_CTX *ctx, uint8_t *sha)
{
	EVP_DigestFinal_ex(ctx, sha, NULL);
	EVP_MD_CTX_free(ctx);
}

void sha256_hex(EVP_MD_CTX *ctx, char *hex)
{
	uint8_t sha[SHA256_SIZE];
	size_t i;

	sha256_end(ctx, sha);
	for (i = 0; i < sizeof(sha); i++)
		snprintf(hex + 2 * i, 3, "%02x", sha[i]);
}
