/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

/* Symbols of IANA's registries "SenML Units" and "Secondary Units": those of RFC 8428, 12.1, of RFC 8798, and
 * NTU, ppb, ppt, VAh, mg/l, ug/l and g/l, which came later. In the order of strcmp(). */
static const char *const units[] = {
    "%",    "%EL",   "%RH",      "/",     "/100", "/1000", "1/min",  "1/s",   "A",    "Ah",    "B",
    "B/s",  "Bq",    "Bspl",     "C",     "Cel",  "EL",    "F",      "GB",    "Gy",   "H",     "Hz",
    "J",    "J/m",   "K",        "KiB",   "MB/s", "MHz",   "Mbit/s", "N",     "NTU",  "Ohm",   "Pa",
    "S",    "S/m",   "Sv",       "T",     "V",    "VA",    "VAh",    "VAs",   "W",    "W/m2",  "Wb",
    "Wh",   "Wh/km", "beat/min", "beats", "bit",  "bit/s", "cd",     "cd/m2", "cm",   "count", "dB",
    "dBW",  "dBm",   "deg",      "g",     "g/l",  "h",     "hPa",    "kVA",   "kVAh", "kW",    "kWh",
    "kat",  "kg",    "kg/m3",    "km",    "km/h", "kvar",  "kvarh",  "l",     "l/s",  "lat",   "lm",
    "lon",  "lx",    "m",        "m/h",   "m/s",  "m/s2",  "m2",     "m3",    "m3/s", "mA",    "mV",
    "mg/l", "min",   "mm",       "mm/h",  "mol",  "ms",    "pH",     "ppb",   "ppm",  "ppt",   "rad",
    "s",    "sr",    "ug/l",     "ug/m3", "var",  "varh",  "vars"};

static int compare(const void *unit, const void *row) {
    return strcmp(unit, *(const char *const *)row);
}

bool muster_unit_is_known(const char *unit) {
    return bsearch(unit, units, sizeof(units) / sizeof(units[0]), sizeof(units[0]), compare) != NULL;
}
