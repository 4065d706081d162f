/* SPDX-License-Identifier: MIT */
/* muster bridge mqtt: how it is called, and what its help says. */
#include <stddef.h>
#include <stdio.h>

#include "command_line.h"
#include "dispatch.h"
#include "mqtt.h"
#include "options.h"
#include "rivals.h"

static void describe(FILE *out) {
    fprintf(
        out,
        "Topics at the broker begin with PREFIX, which is muster:\n"
        "  PREFIX/SITE/PEER/NAME    a reading by its full name, retained; PEER is the name of who\n"
        "                           published it, in which / + # %% $ and blanks are %%XX\n"
        "  PREFIX/SITE/$peers/ID    a peer, retained: {\"state\":\"alive\",\"name\":…,\"addresses\":[…],\n"
        "                           \"services\":[…]}\n"
        "  PREFIX/SITE/$bridges/ID  this bridge: {\"state\":\"online\"…}, and by its last will offline\n"
        "What another site published as kitchen/temperature of thermo is SITE/thermo/kitchen/temperature\n"
        "here, and its origin is the site. Topics of MQTT whose levels have other characters than names\n"
        "of readings can't come in. A last value that is cleared is no reading.\n\n"
        "--payload says a reading as\n"
        "  senml  [{\"n\":\"kitchen/temperature\",\"u\":\"Cel\",\"v\":21.5,\"t\":1700000000,\"ref\":\"…\"}]\n"
        "  json   {\"value\":21.5,\"unit\":\"Cel\",\"time\":1700000000,\"ref\":\"…\"}\n"
        "  value  21.5, with unit, time and ref as user properties of MQTT 5\n"
        "ref is PEER.BOOT.SHARD.SEQ.RECORD: the same wherever a reading goes, so that a reading which comes\n"
        "twice is taken once. Each of the three is understood when it comes in, and a number, true, false\n"
        "or a text of another program, too.\n\n"
        "While the broker is away readings wait in --queue-file. Beyond --queue the oldest are lost, which\n"
        "is said and counted. At most %d messages are unacknowledged. When the broker has lost what it\n"
        "knew, the bridge publishes all states and last values anew, and waits with readings until\n"
        "bridges of other sites that were there have subscribed again, for 20 s at most.\n\n"
        "Several bridges of a site find each other on the LAN by their service " RIVALS_SERVICE_TYPE
        ". The one with\n"
        "the lowest id carries, the others stand by. One that stands by publishes no readings: those that "
        "still\n"
        "wait there when another one takes its place are lost, and so are those that one which comes back\n"
        "finds overtaken by newer ones of the same publisher; both are said and counted, though the other\n"
        "bridge may have carried some of them. What one of them brought in is not carried out by any\n"
        "bridge, whatever is joined to what.\n\n"
        "A file of --config is one JSON object of options by their names. Options of the command line win\n"
        "over it, and lists add up:\n"
        "  {\"broker\": \"mqtt.lan\", \"site\": \"home\", \"out\": [\"kitchen/#\", \"nas/+\"], \"in\": "
        "\"#\",\n"
        "   \"user\": \"home\", \"password-file\": \"/etc/muster/mqtt.password\", \"home-assistant\": true}\n"
        "muster-bridge-mqtt.service reads " MUSTER_CONFIG_DIR
        "/bridge-mqtt.json, as a user of its own: a file\n"
        "with a password is to be readable to it, by LoadCredential= for one.\n\n"
        "muster show --self --socket DIR/NAME/socket, DIR being the state directory and NAME the bridge's,\n"
        "shows what it counts, and muster metrics likewise: readings_out, _in, _repeated, _queued, _lost,\n"
        "_refused, connected, carries, services_left_out, and stalled_ms, the age of the oldest reading that "
        "waits.\n",
        DISPATCH_FLYING_MAX);
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    (void)operands;
    return mqtt_run(settings, options);
}

extern const struct command bridge_command;

const struct command bridge_command = {
    .name = "bridge mqtt",
    .summary = "join this LAN to others and to Home Assistant by a broker of MQTT",
    .syntax = {.operands = ""},
    .description =
        "Carry readings that match --out to a broker of MQTT, and those of other sites that match\n"
        "--in from there to this LAN; who is here and what they offer both ways, unless --no-peers.\n"
        "Without --out and --in no readings are carried.\n"
        "A site is a LAN with such a bridge: two sites need a broker that both reach, and nothing\n"
        "else. With --home-assistant each reading is an entity of the device that its peer is.\n"
        "\n"
        "The bridge is a peer of its own. A PATTERN is that of muster subscribe. The broker may come\n"
        "and go; MQTT 5 is spoken where the broker does, else 3.1.1.\n",
    .options = mqtt_options_table,
    .options_bytes = sizeof(struct mqtt_options),
    .file_offset = offsetof(struct mqtt_options, config),
    .defaults = &mqtt_options_defaults,
    .describe = describe,
    .examples = "  muster bridge mqtt --site home --broker mqtt.lan --out '#' --in '#'\n"
                "  muster bridge mqtt --site home --broker mqtt.lan --out '#' --home-assistant\n"
                "  muster bridge mqtt --site home --out 'kitchen/#' --dry-run\n",
    .statuses = "  0   ended by SIGINT or SIGTERM\n"
                "  1   error\n"
                "  2   wrong usage\n",
    .run = run,
};
