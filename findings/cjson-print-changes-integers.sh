#!/bin/bash
# SPDX-License-Identifier: MIT
# cJSON reads an integer exactly and prints another one, below 2^53.
#
# Version: cJSON 1.7.15 (Debian 12, libcjson1 1.7.15-1+deb12u4)
# Expected: what a double holds exactly comes back when the text is parsed again: integers to
# 2^53, and the shortest digits that give a measured value.
# Behaviour: the printer takes 15 digits when the value they stand for is within a relative 2^-52
# of the right one, and not only when it is the same. From 2^52 on integers change by one, and
# sums of measured values lose their last digit. Sequence numbers and ids that are compared as
# text or number differ.
# Output seen, with which this script compares:
#> cJSON 1.7.15
#> 9007199254740991 -> 9.00719925474099e+15 which is 9007199254740990
#> 6000000000000001 -> 6e+15 which is 6000000000000000
#> 4503599627370501 -> 4.5035996273705e+15 which is 4503599627370500
#> 0.30000000000000004 -> 0.3 which is 0.29999999999999999
#> 2251799813685247 -> 2251799813685247 which is 2251799813685247
set -euo pipefail
self=$(readlink -f "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libcjson{1,-dev}=1.7.15-1+deb12u4
for package in *.deb; do dpkg-deb -x "$package" .; done
libraries=$(dirname "$PWD"/usr/lib/*/libcjson.so.1)

cat >print.c <<'C'
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    const char *numbers[] = {"9007199254740991", "6000000000000001", "4503599627370501",
                             "0.30000000000000004", "2251799813685247"};
    printf("cJSON %s\n", cJSON_Version());
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cJSON *value = cJSON_Parse(numbers[i]);
        char *text = cJSON_PrintUnformatted(value);
        if (cJSON_GetNumberValue(value) != strtod(numbers[i], NULL)) {
            printf("%s was not read exactly\n", numbers[i]);
        }
        printf("%s -> %s which is %.17g\n", numbers[i], text, strtod(text, NULL));
        cJSON_free(text);
        cJSON_Delete(value);
    }
    return 0;
}
C
cc -I usr/include print.c -L "$libraries" -Wl,-rpath,"$libraries" -lcjson -o print
./print >seen
diff -u --label expected <(sed -n 's/^#> //p' "$self") --label seen seen
