/** Names for organizations and the people in them, from several languages. All invented. */

/** Organizations in order of size; the largest first. */
export const ORGANIZATIONS: readonly (readonly [name: string, domain: string | null])[] = [
  ['Northwind Logistics', 'northwind-logistics.example'],
  ['Müller & Söhne Versicherung', 'mueller-versicherung.example'],
  ['Acme Payables', 'acme-payables.example'],
  ['Sakura Retail 桜リテール', 'sakura-retail.example'],
  ['Compañía Solar del Sur', 'solar-del-sur.example'],
  ["O'Malley Insurance Brokers", 'omalley-brokers.example'],
  ['Bluebird Travel', 'bluebird-travel.example'],
  ['Dormant Labs', null],
  ['Fjord Energi AS', 'fjord-energi.example'],
  ['Lumière Conseil', 'lumiere-conseil.example'],
  ['Hanseatische Spedition', 'hanse-spedition.example'],
  ['Pinecone Health', 'pinecone-health.example'],
  ['Казань Трейд', 'kazan-trade.example'],
  ['Verde Legal', 'verde-legal.example'],
  ['Quokka HR', 'quokka-hr.example'],
  ['明日物流', 'asu-logistics.example'],
  ['Tandem Procurement', 'tandem-procurement.example'],
  ['Rio Claro Importação', 'rioclaro.example'],
  ['Kestrel Research', 'kestrel-research.example'],
  ['Zephyr "Express" Freight', null],
  ['Orchard Accounting', 'orchard-accounting.example'],
  ['Baltic Customs Bureau', 'baltic-customs.example'],
  ['Saffron Foods', 'saffron-foods.example'],
  ['Granite Property', 'granite-property.example'],
  ['Meridian Clinics', 'meridian-clinics.example'],
]

/** What tells apart organizations of one name in the larger scales. */
export const DIVISIONS = ['Europe', 'Americas', 'Asia', 'Services', 'Holding', 'Labs', 'Digital'] as const

/** Full name and the part of the address before the @. */
export const PEOPLE: readonly (readonly [name: string, mailbox: string])[] = [
  ['Ada Brennan', 'ada.brennan'],
  ['Jürgen Weiß', 'juergen.weiss'],
  ['María José Ortega', 'mj.ortega'],
  ['佐藤 美咲', 'misaki.sato'],
  ["Siobhán O'Brien", 'siobhan.obrien'],
  ['Chloé Dubois', 'chloe.dubois'],
  ['李娜', 'li.na'],
  ['Анна Петрова', 'anna.petrova'],
  ['Luís Gonçalves', 'luis.goncalves'],
  ['Priya Raman', 'priya.raman'],
  ['Tomasz Wójcik', 'tomasz.wojcik'],
  ['Ingrid Sørensen', 'ingrid.sorensen'],
  ['محمد العلي', 'm.alali'],
  ['Grace Mwangi', 'grace.mwangi'],
  ['Noah Kim', 'noah.kim'],
  ['Zoë van der Berg', 'zoe.vanderberg'],
  ['Ελένη Παππά', 'eleni.pappa'],
  ['Robert "Bob" Lee', 'bob.lee'],
  ['Fatma Yılmaz', 'fatma.yilmaz'],
  ['Samuel Okafor', 'samuel.okafor'],
  ['Lena Hoffmann', 'lena.hoffmann'],
  ['Dmytro Shevchenko', 'dmytro.shevchenko'],
  ['Camila Rojas', 'camila.rojas'],
  ['Yusuf Demir', 'yusuf.demir'],
]
