#include "ocsp/asn.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

int
asn_serial(const ASN1_INTEGER *v, char *out, size_t cap)
{
	const unsigned char	*p = ASN1_STRING_get0_data(v);
	int			 n = ASN1_STRING_length(v);
	char			 hex[129];

	while (n > 1 && *p == 0) {
		p++;
		n--;
	}
	if (n < 0 || n > 64)
		return -1;
	if (n == 0)
		(void)snprintf(hex, sizeof(hex), "00");
	else
		(void)enc_hex_to(hex, p, (size_t)n);
	n = snprintf(out, cap, "%s%s",
	    ASN1_STRING_type(v) == V_ASN1_NEG_INTEGER ? "-" : "", hex);
	return n < 0 || (size_t)n >= cap ? -1 : 0;
}

int
asn_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm	tm;

	memset(&tm, 0, sizeof(tm));
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	*out = (int64_t)timegm(&tm) * CLK_SEC;
	return 0;
}

char *
asn_name(const X509_NAME *name)
{
	BIO	*bio = BIO_new(BIO_s_mem());
	char	*p = NULL, *s;
	long	 n;

	if (bio == NULL || X509_NAME_print_ex(bio, name, 0,
	    XN_FLAG_RFC2253) < 0) {
		BIO_free(bio);
		return mem_str("");
	}
	n = BIO_get_mem_data(bio, &p);
	s = n > 0 ? mem_dup(p, (size_t)n) : mem_str("");
	BIO_free(bio);
	return s;
}

void
asn_algorithm(const X509_ALGOR *alg, char *out, size_t cap)
{
	const ASN1_OBJECT	*oid = NULL;

	out[0] = '\0';
	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	if (oid != NULL)
		(void)OBJ_obj2txt(out, (int)cap, oid, 0);
}

EVP_PKEY *
asn_key(struct span spki, struct err *e)
{
	const unsigned char	*p = spki.p;
	EVP_PKEY		*key;

	key = spki.n <= INT32_MAX ? d2i_PUBKEY(NULL, &p, (long)spki.n) : NULL;
	if (key == NULL)
		(void)err_set(e, ERR_FORMAT, "the key is of a kind that "
		    "cannot be used");
	ERR_clear_error();
	return key;
}
