#!/bin/sh
# Whether RabbitMQ would take a rabbitmq.conf, by its own schema: sallyport-rabbitmq-check FILE
set -eu
plugins=$(echo /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins)
export ERL_CRASH_DUMP_SECONDS=0
exec erl -noinput -boot no_dot_erlang -pa "$plugins"/*/ebin -eval "
    Schema = cuttlefish_schema:files(filelib:wildcard(\"$plugins/rabbit-*/priv/schema/*.schema\")),
    case cuttlefish_generator:map(Schema, cuttlefish_conf:files([\"$1\"])) of
        {error, Phase, {errorlist, Errors}} ->
            [io:format(\"~s: ~s~n\", [Phase, cuttlefish_error:xlate(Error)]) || {error, Error} <- Errors],
            halt(1);
        _ ->
            halt(0)
    end."
