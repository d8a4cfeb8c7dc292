/* SPDX-License-Identifier: MIT */
/* Preloaded into a test, it puts the environment's locale in force before main, as a service that
 * speaks its users' language would: with a decimal comma, numbers must still be read and written
 * alike. A locale that is not there ends the program, so that no run passes unchanged. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void enter_locale(void)
{
    if (setlocale(LC_ALL, "") == NULL || strcmp(localeconv()->decimal_point, ",") != 0) {
        fputs("the foreign locale is not in force\n", stderr);
        _Exit(99);
    }
}
