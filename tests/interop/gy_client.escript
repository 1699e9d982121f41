#!/usr/bin/env escript
%% -*- erlang -*-
%%! -kernel logger_level error
%% A Gy client on Erlang/OTP's own Diameter stack (Debian: erlang-base erlang-diameter).
%%
%%     escript gy_client.escript HOST PORT
%%
%% It runs a session of the demonstration's first subscriber, a session that must be refused, one
%% with an unknown mandatory AVP, one with an AVP of a vendor that nobody knows, and events of the
%% fourth subscriber until nothing is left to pay for them. For each answer
%% it prints one line of JSON: the result codes, what was granted, the header's flags, what OTP's
%% strict decoder found wrong, and AVPs whose M bit differs from gy.dia.
-mode(compile).
-export([main/1]).
-export([peer_up/3, peer_down/3, pick_peer/4, prepare_request/3, prepare_retransmit/3,
         handle_answer/4, handle_error/4, handle_request/3]).

-record(diameter_packet, {header, avps, msg, bin, errors, transport_data}).
-record(diameter_header, {version, length, cmd_code, application_id, hop_by_hop_id, end_to_end_id,
                          is_request, is_proxiable, is_error, is_retransmitted}).
-record(diameter_avp, {code, vendor_id, is_mandatory = false, need_encryption = false,
                       data, name, value, type, index}).
-record(diameter_event, {service, info}).

-define(SERVICE, gy_client).
-define(REALM, "demo.example").
-define(WAIT, 10000).

main([Host, Port]) ->
    load_dictionary(),
    ok = diameter:start(),
    connect(Host, list_to_integer(Port)),
    session("001010000000001"),
    Refused = new_session(),
    run(unknown_subscriber, Refused, initial("999990000000000"), []),
    Unknown = new_session(),
    run(unknown_mandatory_avp, Unknown, initial("001010000000002"), [unknown_avp(10415)]),
    Foreign = new_session(),
    run(foreign_mandatory_avp, Foreign, initial("001010000000003"), [unknown_avp(99999)]),
    run(foreign_terminate, Foreign, terminate(1), []),
    run(update_without_session, new_session(), update(1), []),
    events("001010000000004"),
    ok = diameter:stop_service(?SERVICE),
    halt(0);
main(_) ->
    fatal("write: escript gy_client.escript HOST PORT").

session(Imsi) ->
    Session = new_session(),
    run(initial, Session, initial(Imsi), []),
    run(update, Session, update(1), []),
    run(terminate, Session, terminate(2), []).

events(Imsi) ->
    Session = new_session(),
    run(event, Session, event(Imsi, 0, texts(200, 3)), []),
    run(event_again, Session, event(Imsi, 0, texts(200, 3)), []),
    run(event_unnamed, new_session(), event(Imsi, 0, #{}), []),
    run(event_unknown_group, new_session(), event(Imsi, 0, texts(999, 1)), []),
    run(event_of_another_action, new_session(), event(Imsi, 3, texts(200, 1)), []),
    run(event_in_part, new_session(), event(Imsi, 0, texts(200, 1000)), []),
    run(event_unpaid, new_session(), event(Imsi, 0, texts(200, 1)), []).

%% The requests.

event(Imsi, Action, Asked) ->
    Asked#{'CC-Request-Type' => 4,
           'CC-Request-Number' => 0,
           'Requested-Action' => [Action],
           'Service-Context-Id' => "32274@3gpp.org",
           'Service-Information' => [#{'SMS-Information' =>
                                           [#{'Number-Of-Messages-Sent' => [2]}]}],
           'Subscription-Id' => [#{'Subscription-Id-Type' => 1, 'Subscription-Id-Data' => Imsi}]}.

texts(Group, Units) ->
    #{'Multiple-Services-Credit-Control' =>
          [#{'Rating-Group' => [Group],
             'Requested-Service-Unit' => [#{'CC-Service-Specific-Units' => [Units]}]}]}.

initial(Imsi) ->
    #{'CC-Request-Type' => 1,
      'CC-Request-Number' => 0,
      'Multiple-Services-Indicator' => [1],
      'Subscription-Id' => [#{'Subscription-Id-Type' => 1, 'Subscription-Id-Data' => Imsi}],
      'Multiple-Services-Credit-Control' =>
          [#{'Rating-Group' => [Group],
             'Requested-Service-Unit' => [#{'CC-Total-Octets' => [Octets]}]}
           || {Group, Octets} <- [{300, 10485760}, {380, 1048576}]]}.

update(Number) ->
    #{'CC-Request-Type' => 2,
      'CC-Request-Number' => Number,
      'Multiple-Services-Credit-Control' =>
          [#{'Rating-Group' => [300],
             'Requested-Service-Unit' => [#{'CC-Total-Octets' => [10485760]}],
             'Used-Service-Unit' => [#{'CC-Input-Octets' => [1048576],
                                       'CC-Output-Octets' => [9437184],
                                       'Reporting-Reason' => [3]}]}]}.

terminate(Number) ->
    #{'CC-Request-Type' => 3,
      'CC-Request-Number' => Number,
      'Termination-Cause' => [1],
      'Multiple-Services-Credit-Control' =>
          [#{'Rating-Group' => [Group],
             'Reporting-Reason' => [2],
             'Used-Service-Unit' => [#{'CC-Total-Octets' => [Octets]}]}
           || {Group, Octets} <- [{300, 1234567}, {380, 0}]]}.

unknown_avp(Vendor) ->
    #diameter_avp{code = 9999, vendor_id = Vendor, is_mandatory = true, data = <<1:32>>}.

service_information() ->
    #{'PS-Information' =>
          [#{'TGPP-Charging-Id' => [<<(rand:uniform(16#FFFFFFFF)):32>>],
             'SGSN-Address' => [{192, 0, 2, 11}],
             'GGSN-Address' => [{192, 0, 2, 21}],
             'TGPP-SGSN-MCC-MNC' => ["00101"],
             'TGPP-RAT-Type' => [<<6>>],
             'TGPP-User-Location-Info' =>
                 [<<130, 16#00F110:24, 1:16, 16#00F110:24, 257:32>>]}]}.

new_session() ->
    lists:flatten(diameter:session_id("pgw.otp." ++ ?REALM)).

%% Sending a request and telling of its answer.

run(Step, Session, Request, Extra) ->
    Message = maps:merge(#{'Session-Id' => Session,
                           'Destination-Realm' => ?REALM,
                           'Auth-Application-Id' => 4,
                           'Service-Context-Id' => "32251@3gpp.org",
                           'Service-Information' => [service_information()],
                           'AVP' => Extra}, Request),
    case diameter:call(?SERVICE, gy, ['CCR' | Message], [{timeout, ?WAIT}]) of
        #diameter_packet{} = Packet ->
            print((answer(Packet))#{step => Step,
                                    session_is_echoed => echoes(Session, Packet)});
        Other ->
            fatal(io_lib:format("~p: no answer but ~p", [Step, Other]))
    end.

answer(#diameter_packet{header = Header, msg = Message, errors = Errors, avps = Avps}) ->
    Fields = case Message of [_ | Map] when is_map(Map) -> Map; _ -> #{} end,
    #{result_code => first(maps:get('Result-Code', Fields, null)),
      granted_units => granted(Fields, 'CC-Service-Specific-Units'),
      services => [service(S) || S <- maps:get('Multiple-Services-Credit-Control', Fields, [])],
      failed_avps => failed(Avps),
      header_flags => header_flags(Header),
      decode_errors => [text(E) || is_list(Errors), E <- Errors],
      wrong_m_bits => [atom_to_binary(N) || N <- lists:append([wrong(A) || A <- Avps])]}.

service(Service) ->
    #{rating_group => first(maps:get('Rating-Group', Service, [])),
      result_code => first(maps:get('Result-Code', Service, [])),
      granted_octets => granted(Service, 'CC-Total-Octets'),
      granted_units => granted(Service, 'CC-Service-Specific-Units'),
      is_final => maps:get('Final-Unit-Indication', Service, []) =/= [],
      validity_seconds => first(maps:get('Validity-Time', Service, []))}.

granted(Fields, Name) ->
    case first(maps:get('Granted-Service-Unit', Fields, [])) of
        null -> null;
        Granted -> first(maps:get(Name, Granted, []))
    end.

echoes(Session, #diameter_packet{msg = [_ | #{'Session-Id' := Echo}]}) ->
    list_to_binary(Session) =:= iolist_to_binary(Echo);
echoes(_, _) ->
    false.

header_flags(Header) ->
    [Name || {Name, true} <- [{request, Header#diameter_header.is_request},
                              {proxiable, Header#diameter_header.is_proxiable},
                              {error, Header#diameter_header.is_error},
                              {retransmitted, Header#diameter_header.is_retransmitted}]].

%% The codes and vendors inside Failed-AVP.
failed(Avps) ->
    lists:append([[#{code => A#diameter_avp.code, vendor => vendor(A)} || A <- tops(Members)]
                  || [#diameter_avp{name = 'Failed-AVP'} | Members] <- Avps]).

tops(Avps) ->
    [case A of [Top | _] -> Top; Top -> Top end || A <- Avps].

vendor(#diameter_avp{vendor_id = undefined}) -> 0;
vendor(#diameter_avp{vendor_id = Vendor}) -> Vendor.

%% The names of AVPs, at every depth, whose M bit is not the dictionary's.
wrong([#diameter_avp{name = 'Failed-AVP'} | _]) ->
    [];
wrong([Group | Members]) ->
    wrong(Group) ++ lists:append([wrong(Member) || Member <- Members]);
wrong(#diameter_avp{name = undefined}) ->
    [];
wrong(#diameter_avp{name = Name, is_mandatory = IsMandatory}) ->
    case flags(Name) band 16#40 =/= 0 of
        IsMandatory -> [];
        _ -> [Name]
    end.

flags(Name) ->
    {_, Flags, _} = try gy:avp_header(Name)
                    catch error:_ -> diameter_gen_base_rfc6733:avp_header(Name)
                    end,
    Flags.

first([Value | _]) -> Value;
first([]) -> null;
first(Value) -> Value.

%% The connection.

load_dictionary() ->
    Path = filename:join(filename:dirname(filename:absname(escript:script_name())), "gy.dia"),
    {ok, [Forms]} = diameter_make:codec(Path, [return, forms]),
    {ok, gy, Code} = compile:forms(Forms, []),
    {module, gy} = code:load_binary(gy, Path, Code).

%% Without the application `common' OTP would encode CER by the older RFC 3588.
connect(Host, Port) ->
    {ok, Address} = inet:getaddr(Host, inet),
    true = diameter:subscribe(?SERVICE),
    ok = diameter:start_service(
           ?SERVICE,
           [{'Origin-Host', "pgw.otp." ++ ?REALM}, {'Origin-Realm', ?REALM},
            {'Vendor-Id', 10415}, {'Product-Name', "OTP diameter"},
            {'Supported-Vendor-Id', [10415]}, {'Auth-Application-Id', [4]},
            {decode_format, map}, {strict_mbit, true},
            {application, [{alias, common}, {dictionary, diameter_gen_base_rfc6733},
                           {module, ?MODULE}]},
            {application, [{alias, gy}, {dictionary, gy}, {module, ?MODULE},
                           {answer_errors, callback}]}]),
    {ok, _} = diameter:add_transport(
                ?SERVICE,
                {connect, [{transport_module, diameter_tcp}, {capx_timeout, ?WAIT},
                           {transport_config, [{raddr, Address}, {rport, Port}]}]}),
    receive
        #diameter_event{info = Info} when element(1, Info) =:= up -> ok;
        #diameter_event{info = Info} when element(1, Info) =:= closed ->
            fatal(io_lib:format("the connection was refused: ~p", [Info]))
    after ?WAIT ->
        fatal("no connection within 10 s")
    end.

peer_up(_Service, _Peer, State) -> State.
peer_down(_Service, _Peer, State) -> State.
pick_peer([Peer | _], _Remote, _Service, _State) -> {ok, Peer}.
prepare_retransmit(Packet, Service, Peer) -> prepare_request(Packet, Service, Peer).
handle_answer(Packet, _Request, _Service, _Peer) -> Packet.
handle_error(Reason, _Request, _Service, _Peer) -> {error, Reason}.
handle_request(_Packet, _Service, _Peer) -> {protocol_error, 3001}.

prepare_request(#diameter_packet{msg = ['CCR' | Map]}, _Service, _Peer) ->
    {send, ['CCR' | Map#{'Origin-Host' => "pgw.otp." ++ ?REALM, 'Origin-Realm' => ?REALM}]}.

%% Output.

print(Map) ->
    io:put_chars([json(Map), $\n]).

fatal(Text) ->
    io:put_chars(standard_error, [Text, $\n]),
    halt(1).

text(Term) ->
    iolist_to_binary(io_lib:format("~0P", [Term, 40])).

json(Atom) when Atom =:= null; is_boolean(Atom) -> atom_to_binary(Atom);
json(Atom) when is_atom(Atom) -> json(atom_to_binary(Atom));
json(Number) when is_integer(Number) -> integer_to_binary(Number);
json(Text) when is_binary(Text) -> [$", [escaped(C) || <<C>> <= Text], $"];
json(List) when is_list(List) -> [$[, lists:join($,, [json(E) || E <- List]), $]];
json(Map) when is_map(Map) ->
    [${, lists:join($,, [[json(K), $:, json(V)] || {K, V} <- maps:to_list(Map)]), $}].

escaped(C) when C < 32; C =:= $"; C =:= $\\; C > 126 -> io_lib:format("\\u~4.16.0b", [C]);
escaped(C) -> C.
