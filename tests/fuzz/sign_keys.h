#ifndef TESTS_FUZZ_SIGN_KEYS_H
#define TESTS_FUZZ_SIGN_KEYS_H

/*
 * Keys that nobody uses, so that requests of the corpus stay what they are:
 * of the account a1, of its next one, of the certificate c1.
 */
static const char *const	pems[] = {
	"-----BEGIN PRIVATE KEY-----\n"
	    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4B7XkSMWuRz72lo0\n"
	    "hholpytS8Gv2o4qntjI0s8G/rG2hRANCAATw+dC7Me84VV62JFjMk8o6Z5gNGO9J\n"
	    "qxmqmwZ09mNBEJZYDovonjDwW4ZitgBl9XiQgOvkhwRrBQbtbG0U24ei\n"
	    "-----END PRIVATE KEY-----\n",
	"-----BEGIN PRIVATE KEY-----\n"
	    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrgahD5yUQzUcDkcb\n"
	    "pEFLLBJ6/qr/aBBi4LP1QqfDxFOhRANCAATUaeRV5tjZdJI+MTnvlZUtpYgBL/1d\n"
	    "fpe3EaO5e4BZC0VekTf/Dtf0mSv/vZR5U5xICxv5L8gSW7EcoAPH5gPL\n"
	    "-----END PRIVATE KEY-----\n",
	"-----BEGIN PRIVATE KEY-----\n"
	    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgm044SQ40I556SiGJ\n"
	    "a63z/ldPdE+evFy4yLwWYRV9MI6hRANCAASvLDHVv5Dl+m6tplseLYC5VZ7v0uOk\n"
	    "hIIT1a08+P2ZsGeN8nS+nbuUi9mU//AiKkNWWvApS9AFvGkRYmP9DNsJ\n"
	    "-----END PRIVATE KEY-----\n",
};

#endif
