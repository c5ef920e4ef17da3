"""Names and titles by language: a title is a head and a tail that agree in every combination."""

from __future__ import annotations

from typing import NamedTuple

from kleio.seed.dice import words


class Language(NamedTuple):
    """The words of one language; without `heads` its artists sing in English."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    groups: tuple[str, ...]
    emblems: tuple[str, ...]
    heads: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()
    space: str = " "


ENGLISH = Language(
    words("""Alma, Bertie, Calvin, Cora, Dexter, Dinah, Edwin, Elsie, Floyd, Gwen, Harlan, Hazel,
Irving, Iris, Jarvis, Joan, Kit, Lena, Lowell, Maxine, Merle, Nadine, Neville, Opal, Percy,
Queenie, Roscoe, Roy, Sadie, Selwyn, Thelma, Tobias, Ursula, Vernon, Wanda, Wesley, Winston,
Yvonne"""),
    words("""Abernathy-Cole, Alderby, Arkwell, Bexley, Brackenridge, Buford, Callowhill,
Corrigan, Cresswick, Dabney, Dunmore, Eastlake, Elverson, Farthing, Fennimore, Gadsby, Garrow,
Halloway, Hesketh, Inchbald, Jessop, Kelloway, Lockridge, Lyle, Maddern, Merriweather, Nesbit,
Okafor, O'Dowd, Pettibone, Pryor, Quarles, Ransome, Rookwood, Sallow, Stannard, Thackery,
Tolliver, Underhay, Vickery, Wainscott, Whitlock, Yardley"""),
    words("The"),
    words("""Night Porters, Paper Kites Society, Bellhops, Marrow, Sandpipers Union,
Understudies, Tin Cathedrals, Wrong Numbers, Milk Teeth, Harbourmasters, Cloakroom, Lamplighters,
Spare Keys, Velvet Ushers, Hired Mourners, Sunday Drivers, Glass Ponies, Switchmen, Orchard
Thieves, Late Arrivals, Sleepwalkers' Club, Small Hours, Carpet Baggers, Telegraph Boys"""),
)

GERMAN = Language(
    words("""Anke, Bernd, Dagmar, Dieter, Elfriede, Gerd, Heike, Hartmut, Ilse, Jürgen, Karin,
Lutz, Margit, Norbert, Renate, Rüdiger, Sabine, Uwe, Volker, Wiebke"""),
    words("""Ackermannsdorf, Bröker, Drechsel, Eichstedt, Fährmann, Grünhagen, Holtkamp, Jäckle,
Kranewitter, Lüdtke, Mönkemeier, Nettelbeck, Ohlendiek, Pfannkuch, Rathjen, Sönksen, Tiedje,
Uhlenbrock, Wiesengart, Zöllick"""),
    words("Gruppe, Ensemble, Trio, Kapelle, Kollektiv, Orchester"),
    words("Nordlicht, Feldweg, Kranich, Morgenrot, Holunder, Lichtung, Kupferdach, Wanderdüne"),
    words("""Lieder, Schatten, Licht, Briefe, Stimmen, Tanz, Ein Haus, Der Weg, Die Nacht,
Abschied, Zwei Vögel, Das Fenster, Regen, Kein Wort, Der Letzte Zug, Eine Stunde, Träume"""),
    words("""Im Nebel, Am Fluss, Über Der Stadt, Aus Glas, Ohne Namen, Im Winter, Hinter Dem
Berg, Vor Dem Morgen, An Der Grenze, Von Gestern, Auf Dem Dach, Nach Mitternacht, Bis Zum Meer,
Für Clara, Im Grünen, Zu Zweit"""),
)

FRENCH = Language(
    words("""Adèle, Bastien, Céline, Damien, Édith, Fabrice, Gisèle, Hervé, Inès, Jérôme, Léonie,
Maxence, Noëlle, Olivier, Pascale, Régis, Solange, Thierry, Véronique, Yvette"""),
    words("""Aubrac, Beauclair, Chastaing, Delcombe, Escande, Fontvieille, Garrigou, Hennebelle,
Joncquet, Lamoureux-Petit, Malavoy, Nérac, Peyrefite, Quillan, Rochemaure, Sénéchal, Tessandier,
Vauquelin, Villedieu"""),
    words("Groupe, Ensemble, Trio, Orchestre"),
    words("Marjolaine, Belle-Rive, Canopée, Saint-Aubrac, Rosalba, Pont-Vieux"),
    words("""La Nuit, Le Jardin, Les Fenêtres, Un Dimanche, La Chanson, Les Oiseaux, L'Été, Une
Lettre, Le Dernier Train, Les Amants, La Maison, Le Bal, Mon Cœur, Trois Valses, La Pluie"""),
    words("""Au Bord De L'Eau, Sans Toi, De Papier, Du Vieux Port, À L'Envers, De Novembre, En
Hiver, Des Absents, Pour Mathilde, Avant L'Aube, Sous Les Toits, D'Ailleurs, Qui S'en Va, Sans
Paroles"""),
)

ITALIAN = Language(
    words("""Alba, Bruno, Carlotta, Dario, Elio, Fulvia, Gino, Ivana, Livio, Mirella, Nando,
Ornella, Piero, Rosanna, Sandro, Tullio, Vanna"""),
    words("""Barcelloni, Caldarone, Dellarovere, Falchetti, Garzanini, Lamberteschi, Marzocca,
Nardelloni, Ottobrini, Passalacqua, Quaranti, Rovigatti, Solarini, Tramontin, Vezzosi"""),
    words("Gruppo, Complesso, Orchestra, I Ragazzi Di, Quartetto"),
    words("Aurora 70, Via Lunga, Mezzaluna, Porto Vecchio, Settembre, Cinabro"),
    words("""La Notte, Il Mare, Un Ricordo, Le Strade, Una Lettera, Il Treno, Canzone, L'Estate,
Due Parole, Il Vento, Un Valzer, La Luna, Piccola Storia"""),
    words("""Di Settembre, Senza Te, Sotto La Pioggia, In Bianco E Nero, Di Periferia, Per Marta,
Che Non Torna, Di Carta, Oltre Il Fiume, A Mezzanotte, Di Ieri, Sul Tetto"""),
)

SPANISH = Language(
    words("""Amparo, Benito, Consuelo, Darío, Elvira, Fermín, Graciela, Horacio, Inés, Joaquín,
Lucía, Marcelo, Nieves, Óscar, Pilar, Ramiro, Soledad, Tomás, Yolanda"""),
    words("""Arizmendi, Barrientos, Cañizal, Echenagusia, Figueredo, Garmendia, Hinojosa,
Larrañeta, Mondragón, Nuñovero, Olavarri, Peñalver, Quiroga, Saldívar, Tejedor, Urrutia,
Zarandona"""),
    words("Grupo, Conjunto, Trío, Los Hermanos, Orquesta, Cuarteto"),
    words("Saldívar, La Ribera, Alborada, Mondragón, Sol De Mayo, Cantaclaro"),
    words("""La Noche, El Río, Canción, Una Carta, El Último Tren, Dos Palomas, La Ventana, El
Camino, Mi Guitarra, Un Domingo, Las Sombras, El Baile, Corazón"""),
    words("""De Papel, Sin Ti, Bajo La Lluvia, De Noviembre, Para Elena, Del Sur, A Medianoche,
Que Se Va, Sin Nombre, De La Frontera, En Silencio, De Ayer, Junto Al Mar"""),
)

PORTUGUESE = Language(
    words("""Adriana, Belmiro, Cecília, Davi, Estêvão, Filipa, Gonçalo, Helena, Iracema, João,
Lurdes, Mário, Nélson, Otávio, Rosinha, Simão, Teresa"""),
    words("""Abranches, Bragançal, Camposinho, Damasceno, Figueirôa, Guimaral, Lourençal,
Meirelles, Novais, Patrocínio, Quintanilha, Severiano, Trancoso, Valadim"""),
    words("Grupo, Conjunto, Trio, Os Amigos De, Orquestra"),
    words("Maré Alta, Alvorada, Beira-Rio, Vila Nova, Saudável, Candeeiro"),
    words("""A Noite, O Mar, Canção, Uma Carta, O Último Barco, A Janela, O Samba, Duas Ruas, Meu
Bairro, Um Domingo, A Chuva"""),
    words("""De Papel, Sem Você, Da Madrugada, De Agosto, Para Luísa, Do Norte, À Beira D'Água,
Que Não Volta, Sem Nome, Da Esquina, Em Silêncio"""),
)

JAPANESE = Language(
    words("""由紀, 健一, 美智子, 浩二, 玲奈, 誠, 千春, 大輔, 薫, 洋平, 久美, 達郎次, 静香, 和也"""),
    words("森川, 桐島, 水無瀬, 葉山田, 北条寺, 白石原, 小野塚, 藤枝, 東雲, 星名, 柏原田, 雨宮路"),
    words("ザ・, 東京, 劇団, 楽団"),
    words("ランタンズ, 夜行列車, 青写真, 水曜日, ハーバーライツ, 紙の月"),
    words("""夜の, 雨の, 遠い, 青い, 最後の, 真夏の, 冬の, 君の, 港の, 眠れない, 秘密の, 硝子の"""),
    words("""海, 街, 手紙, 電車, 約束, 窓, 花火, メロディー, 散歩道, 交差点, 鏡, ラジオ, 影"""),
    "",
)

RUSSIAN = Language(
    words("""Аркадий, Вера, Геннадий, Галина, Елена, Игорь, Лариса, Людмила, Михаил, Надежда,
Олег, Павел, Раиса, Степан, Тамара, Юрий"""),
    words("""Горностай, Журавель, Коробейко, Мирошник, Снегирь, Черемных, Полозенко, Седых,
Заречных, Осенчук, Лебедько, Рябинко, Тополь, Верещук"""),
    words("Ансамбль, ВИА, Группа, Оркестр"),
    words("«Рябина», «Северный Ветер», «Полустанок», «Синий Вечер», «Камертон», «Перекрёсток»"),
    words("""Город, Песня, Вечер, Письмо, Дорога, Поезд, Дом, Окно, Голос, Вальс, Берег, Осень"""),
    words("""Дождя, У Реки, Без Тебя, Над Морем, Под Снегом, Для Двоих, Моей Юности, На Рассвете,
За Рекой, В Тумане, Ветра, После Полуночи"""),
)

SWEDISH = Language(
    words("""Agneta, Börje, Elsa, Gunnar, Håkan, Ingrid, Kerstin, Lasse, Maj-Britt, Nils, Örjan,
Pia, Sixten, Torsten, Ulla, Åke"""),
    words("""Almkvist, Björkenstam, Dahlgrenius, Ekelöf, Fjällborg, Grönvall, Hedlundh,
Kvarnström, Lövenhjelm, Näslund, Rosengård, Sjöwall, Tallbergson, Åkerhielm"""),
    words("Gruppen, Trio, Orkester"),
    words("Vinterljus, Norrsken, Björksav, Midnatt, Fyrvaktaren"),
    words(
        "En Sång, Natten, Vägen, Ett Brev, Två Fåglar, Sommaren, Tystnaden, Huset, Dansen, Havet"
    ),
    words("""Vid Sjön, I Snön, Utan Dig, Från Norr, Över Taken, I November, Till Karin, Om
Natten, På Andra Sidan, I Regnet"""),
)

POLISH = Language(
    words("""Agnieszka, Bogdan, Danuta, Grażyna, Henryk, Jadwiga, Kazimierz, Łucja, Marek,
Stanisława, Wojciech, Zbigniew, Żaneta"""),
    words("""Brzozowiec, Czerwiec, Dąbrówka, Głębocki, Jaworzyn, Kłos, Łąkowicz, Mościbroda,
Ogrodniczak, Sławoj, Świerkosz, Źródlak"""),
    words("Grupa, Zespół, Kwartet, Orkiestra"),
    words("Wiatrak, Północ, Kamienica, Świetlik, Niedziela"),
    words("Noc, Piosenka, List, Dom, Droga, Cisza, Okno, Pociąg, Walc, Dwa Ptaki, Miasto"),
    words("""Nad Rzeką, Bez Ciebie, We Mgle, O Świcie, Dla Zosi, Pod Śniegiem, Z Papieru, W
Deszczu, Za Miastem, Po Północy"""),
)

DUTCH = Language(
    words("""Anneke, Cees, Dirk, Femke, Gerrit, Hilde, Joost, Lotte, Maarten, Noortje, Ruud,
Sjoerd, Tineke, Wouter"""),
    words("""Achterveld, Bovenkamp, Dijkgraaf, Eikenboom, Hoogstraten, Kruisweg, Lindeboom,
Molenaar, Oosterwijk, Rietveen, Terpstra-Mol, Van Der Zilver, Wolkenveld"""),
    words("Groep, Trio, Orkest"),
    words("Noorderzon, Grachtlicht, De Vuurtoren, Avondrood"),
    words("Een Lied, De Nacht, Het Raam, Een Brief, De Trein, Twee Vogels, Het Huis, De Straat"),
    words("""Aan Het Water, Zonder Jou, In De Mist, Van Gisteren, Voor Anna, Onder De Brug, Na
Middernacht, Over De Dijk"""),
)

GREEK = Language(
    words("Αλέκος, Γιώργος, Θανάσης, Λευτέρης, Μανώλης, Νίκος, Πέτρος, Σταύρος, Στέλιος"),
    words("Αηδονάς, Βορεινός, Γλαρόπουλος, Καραβέλης, Λιμανίδης, Μελτεμής, Ροδίτσας, Φαναράς"),
    words("Συγκρότημα, Ορχήστρα, Κομπανία"),
    words("Μελτέμι, Αιγαίο, Φανάρι, Λιμάνι"),
    words("Η Νύχτα, Το Καράβι, Ένα Γράμμα, Το Λιμάνι, Τραγούδι, Η Θάλασσα, Το Παράθυρο"),
    words(
        "Της Βροχής, Χωρίς Εσένα, Του Νότου, Στη Σιωπή, Τα Μεσάνυχτα, Του Χειμώνα, Για Την Ελένη"
    ),
)

SLAVIC = Language(
    words("Branimir, Dragan, Goran, Jiří, Ladislav, Miloš, Radovan, Slavko, Zdeněk, Željko"),
    words(
        "Brezovac, Čermáček, Dvořivoj, Jablanović, Kolařík, Lipovšćak, Mlinarek, Rozmarin, Šumavec"
    ),
    words("Grupa, Ansambl, Orkestar"),
    words("Javor, Zvezda 9, Horizont, Mlin, Rosa"),
)

NORDIC = Language(
    words(
        "Aino, Bjarne, Eero, Frøydis, Gudrun, Halvard, Jónas, Kaisa, Sigrid, Solveig, Þóra, Ørjan"
    ),
    words(
        "Aaltovirta, Bjørnvik, Fossgård, Grønnemose, Hallgrímsdal, Kivijärvinen, Løvstad, Sæterdal"
    ),
    words("Trio, Kvartet, Ensemble"),
    words("Fjord, Halvmåne, Lyng, Revontuli"),
)

LANGUAGES = {
    "en": ENGLISH, "de": GERMAN, "fr": FRENCH, "it": ITALIAN, "es": SPANISH, "pt": PORTUGUESE,
    "ja": JAPANESE, "ru": RUSSIAN, "sv": SWEDISH, "pl": POLISH, "nl": DUTCH, "el": GREEK,
    "sl": SLAVIC, "no": NORDIC,
}  # fmt: skip
