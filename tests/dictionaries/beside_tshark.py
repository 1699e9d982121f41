"""Why our dictionaries differ from those of tshark 4.0: test_tshark.py asks."""

from tests.dictionaries.differences import Explanation

EXPLANATIONS = [
    Explanation(
        "absent there",
        "RFC 8506 added them to RFC 4006, which tshark has",
        """
        QoS-Final-Unit-Indication Redirect-Address-IPAddress Redirect-Address-SIP-URI
        Redirect-Address-URL Redirect-Server-Extension Subscription-Id-E164
        Subscription-Id-Extension Subscription-Id-IMSI Subscription-Id-NAI Subscription-Id-Private
        Subscription-Id-SIP-URI
        """,
    ),
    Explanation(
        "absent there",
        "the overload AVPs of TS 32.299 annex B are not in its files",
        "3GPP-OC-Rating-Group 3GPP-OC-Request-Type 3GPP-OC-Specific-Reduction",
    ),
    Explanation(
        "absent there",
        "an AVP of oneM2M, a vendor that it does not know",
        "M2M-Information",
    ),
    Explanation(
        "absent there",
        "TS 29.219 of release 12 added it",
        "SN-Request-Type",
    ),
    Explanation(
        "absent there",
        "later releases of TS 32.299, TS 29.061, TS 29.212 and TS 29.214 added them",
        """
        3GPP-Secondary-RAT-Usage 3GPP-UE-Local-IP-Address 3GPP-UE-Source-Port
        3GPP-User-Location-Info-Time CPDT-Information Callee-Information IMS-Emergency-Indicator
        Media-Component-Status PSCell-Info ProSe-Information Related-Trigger Status-AS-Code
        TCP-Source-Port Transit-IOI-List VoLTE-Information
        """,
    ),
    Explanation(
        "name",
        "a synonym of the standard's name, put before it to tell two AVPs apart",
        """
        Acct-Multi-Session-Id:Accounting-Multi-Session-Id Reporting-Reason:3GPP-Reporting-Reason
        SIP-Method:3GPP-SIP-Method
        """,
    ),
    Explanation(
        "name",
        "another spelling of the name that TS 32.299 and TS 29.061 print",
        """
        3GPP-IPv6-DNS-Servers:3GPP-IPv6-DNS-Server
        IP-Realm-Default-Indication:IP-Realm-Default-Indicator ISUP-Cause:ISUP-Release-Cause
        Local-GW-Inserted-Indication:Local-GW-Inserted-Indicator
        MMTel-SService-Type:MMTel-Service-Type Number-Of-Messages-Sent:Number-of-Messages-Sent
        Transcoder-Inserted-Indication:Transcoder-Inserted-Indicator
        User-Session-Id:User-Session-ID VAS-Id:VAS-ID VASP-Id:VASP-ID
        """,
    ),
    Explanation(
        "type",
        "a number whose values have names, with the same octets",
        """
        Cause-Code:Enumerated Change-Condition:Enumerated Diagnostics:Enumerated
        Experimental-Result-Code:Enumerated Inband-Security-Id:Enumerated
        MMTel-SService-Type:Enumerated Presence-Reporting-Area-Node:Enumerated
        Presence-Reporting-Area-Status:Enumerated Result-Code:Enumerated Service-Mode:Enumerated
        Session-Binding:Enumerated
        """,
    ),
    Explanation(
        "type",
        "the standard says Unsigned32; a value that fits both has the same octets",
        "Authorization-Lifetime:Integer32 Number-Of-Participants:Integer32",
    ),
    Explanation(
        "type",
        "bare octets of an address, without the family that an Address begins with",
        """
        3GPP-CG-Address:IPAddress 3GPP-GGSN-Address:IPAddress 3GPP-SGSN-Address:IPAddress
        Framed-IP-Address:IPAddress Framed-IP-Netmask:IPAddress
        """,
    ),
    Explanation(
        "type",
        "four octets that TS 29.061 calls a number",
        "3GPP-Charging-Id:OctetStringOrUTF8",
    ),
    Explanation(
        "type",
        "octets by the standard, which need not be UTF-8: text would fail",
        """
        3GPP-NSAPI:UTF8String 3GPP-Session-Stop-Indicator:UTF8String
        Access-Network-Information:UTF8String
        """,
    ),
    Explanation(
        "type",
        "a SIP From header, which is text and no address",
        "From-Address:IPAddress",
    ),
    Explanation(
        "type",
        "the standard says Unsigned32",
        "ISUP-Cause-Location:OctetString",
    ),
    Explanation(
        "M bit there",
        "a member of a group that has no M bit itself",
        "Filter-Rule",
    ),
    Explanation(
        "M bit there",
        "comes with a feature, which both ends may lack: sent without M, taken with it",
        """
        Allocation-Retention-Priority Application-Service-Provider-Identity Feature-List
        Feature-List-ID Pre-emption-Capability Pre-emption-Vulnerability
        Presence-Reporting-Area-Identifier Presence-Reporting-Area-Node
        Presence-Reporting-Area-Status Priority-Level SSID Sponsor-Identity Supported-Features
        """,
    ),
    Explanation(
        "M bit there",
        "TS 29.061 and TS 29.212 set V alone",
        """
        3GPP-Session-Stop-Indicator NBIFOM-Mode NBIFOM-Support Presence-Reporting-Area-Information
        """,
    ),
    Explanation(
        "member there",
        "members of the group in an older TS 32.299, which has others now",
        """
        AoC-Information/Incremental-Cost Current-Tariff/Exponent Current-Tariff/Value-Digits
        Event-Type/Content-Disposition Event-Type/Content-Length Event-Type/Content-Type
        IMS-Information/GGSN-Address IMS-Information/Service-Specific-Data
        MMTel-Information/Associated-Party-Address MMTel-Information/MMTel-Service-Type
        MMTel-Information/Number-Of-Diversions MMTel-Information/Service-Mode
        MMTel-Information/Subscriber-Role Service-Information/WLAN-Information
        """,
    ),
    Explanation(
        "member there",
        "TS 32.299 puts them into Recipient-Info, one for each recipient",
        "SMS-Information/Destination-Interface SMS-Information/Recipient-SCCP-Address",
    ),
    Explanation(
        "member there",
        "TS 32.299 has PDN-Connection-Charging-ID, which is another AVP",
        "PS-Information/PDN-Connection-ID",
    ),
    Explanation(
        "member there",
        "an AVP of release 8 that MMTel-SService-Type took the place of",
        "Supplementary-Service/3GPP-Service-Type",
    ),
    Explanation(
        "values there",
        "the register of WAP content types, which still grows: the number is kept",
        "Type-Number",
    ),
    Explanation(
        "values here",
        "TS 32.299 lists them; the file of tshark does not",
        "Service-Mode",
    ),
    Explanation(
        "value there",
        "a status code of SIP, which needs no list",
        """
        Cause-Code:300 Cause-Code:301 Cause-Code:302 Cause-Code:305 Cause-Code:380 Cause-Code:400
        Cause-Code:401 Cause-Code:402 Cause-Code:403 Cause-Code:404 Cause-Code:405 Cause-Code:406
        Cause-Code:407 Cause-Code:408 Cause-Code:410 Cause-Code:412 Cause-Code:413 Cause-Code:414
        Cause-Code:415 Cause-Code:416 Cause-Code:417 Cause-Code:420 Cause-Code:421 Cause-Code:422
        Cause-Code:423 Cause-Code:428 Cause-Code:429 Cause-Code:436 Cause-Code:437 Cause-Code:438
        Cause-Code:480 Cause-Code:481 Cause-Code:482 Cause-Code:483 Cause-Code:484 Cause-Code:485
        Cause-Code:486 Cause-Code:487 Cause-Code:488 Cause-Code:489 Cause-Code:491 Cause-Code:493
        Cause-Code:494 Cause-Code:500 Cause-Code:501 Cause-Code:502 Cause-Code:503 Cause-Code:504
        Cause-Code:505 Cause-Code:513 Cause-Code:580 Cause-Code:600 Cause-Code:603 Cause-Code:604
        Cause-Code:606
        """,
    ),
    Explanation(
        "value there",
        "TS 32.299 of release 16 has no such value",
        "MMTel-SService-Type:7 Role-Of-Node:3",
    ),
    Explanation(
        "value there",
        "the registers of RADIUS begin with 1",
        "Service-Type:0",
    ),
    Explanation(
        "value here",
        "later releases of TS 29.061, TS 29.212 and TS 32.299 added them",
        """
        3GPP-PDP-Type:4 Address-Type:7 Change-Condition:39 Change-Condition:40 Change-Condition:41
        Change-Condition:42 Change-Condition:43 Change-Condition:44 Change-Condition:45
        Change-Condition:46 Change-Condition:47 MMTel-SService-Type:20 Node-Functionality:18
        Node-Functionality:19 Node-Functionality:20 Node-Functionality:21 QoS-Class-Identifier:67
        QoS-Class-Identifier:71 QoS-Class-Identifier:72 QoS-Class-Identifier:73
        QoS-Class-Identifier:74 QoS-Class-Identifier:75 QoS-Class-Identifier:76
        QoS-Class-Identifier:79 QoS-Class-Identifier:80 QoS-Class-Identifier:82
        QoS-Class-Identifier:83 QoS-Class-Identifier:84 QoS-Class-Identifier:85 RAT-Type:1008
        Reporting-Reason:9 SM-Message-Type:3 SM-Message-Type:4 SM-Message-Type:5
        Serving-Node-Type:6 Trigger-Type:76
        """,
    ),
    Explanation(
        "value named otherwise",
        "the same meaning in other words",
        """
        CN-Operator-Selection-Entity:0 CN-Operator-Selection-Entity:1 Interface-Type:4
        RAT-Type:1006 Redirect-Host-Usage:0 Trigger-Type:50
        """,
    ),
    Explanation(
        "value named otherwise",
        "TS 32.299 calls it the forwarding role now",
        "Role-Of-Node:2",
    ),
    Explanation(
        "value named otherwise",
        "a slip of the pen there: the standard has the words that stand here",
        """
        Change-Condition:12 Change-Condition:13 Change-Condition:20 Change-Condition:36
        Termination-Cause:31
        """,
    ),
]
